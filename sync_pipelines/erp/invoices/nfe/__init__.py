"""One NF-e XML: what kind of document it is, whether it can be trusted, and what the application wants of it.

Pure: bytes in, a `Note`, an `Event` or a `Skipped` out, or `InvoiceRejectedError` with the rule that it breaks
(contract of the ERPs, sections 2.5, 3 and 9). Nothing here reads a database, a clock or a network.
"""
