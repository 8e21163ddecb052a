from tailnumber.clients.formats import MISSING
from tailnumber.clients.formats.lines import Lines

LINES = Lines()
ENV = "# mine\nA=1\nexport KEY=old\nB=2\n"


def test_name_is_replaced_where_it_stands():
    assert LINES.get(ENV, ("KEY",)) == "old"
    assert LINES.put(ENV, ("KEY",), "new") == "# mine\nA=1\nKEY=new\nB=2\n"


def test_name_is_added_at_the_end():
    assert LINES.get(ENV, ("EY",)) is MISSING
    assert LINES.put("A=1", ("KEY",), "new") == "A=1\nKEY=new\n"
    assert LINES.put("", ("KEY",), "new") == "KEY=new\n"


def test_of_a_name_that_stands_twice_one_line_is_left():
    assert LINES.get("K=1\nK=2", ("K",)) == "2"
    assert LINES.put("K=1\nA=1\nK=2", ("K",), "3") == "A=1\nK=3\n"


def test_dropped_name_leaves_the_rest():
    assert LINES.drop(ENV, ("KEY",)) == "# mine\nA=1\nB=2\n"
