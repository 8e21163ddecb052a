from ingress.errors import IngressError
from ingress.masking.errors import MaskingError


def test_failure_to_mask_is_one_of_the_ingresss_errors_with_its_own_code() -> None:
    error = MaskingError("the prefilter failed")

    assert isinstance(error, IngressError)
    assert (error.code, error.status) == ("masking_failed", 500)
