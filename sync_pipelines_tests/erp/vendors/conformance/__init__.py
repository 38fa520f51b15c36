"""The conformance battery: what every served vendor holds, whatever its ways (docs/erp-vendors.md).

`python -m sync_pipelines_tests.erp.vendors.conformance` runs it and prints the table. A further vendor adds an
arrangement to `arrangements`, which says how its fake is started, made to fail and what its lists cannot say.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in ("lists", "rates", "shapes", "titles", "title_troubles", "troubles")
    )
)
