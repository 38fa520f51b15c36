"""The ERP sync beside floors and what a user would pick instead: `python -m benchmarks.erp [--only PART]`."""
