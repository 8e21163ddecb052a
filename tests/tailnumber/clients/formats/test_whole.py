from tailnumber.clients.formats import MISSING
from tailnumber.clients.formats.whole import Whole


def test_whole_text_is_the_value():
    whole = Whole()

    assert whole.get("", ()) is MISSING
    assert whole.get("old", ()) == "old"
    assert whole.put("old", (), "new") == "new"
    assert whole.drop("new", ()) == ""
