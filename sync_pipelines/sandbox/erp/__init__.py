"""The ERPs' outside world in a box: the tax application's project, its functions, and the vendors' APIs."""
