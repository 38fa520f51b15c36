"""The fake HITSS Control: an export server with the real export's shape, figures, dirt and failures.

Nothing here is imported by production code. Every person, company and amount is invented.
"""
