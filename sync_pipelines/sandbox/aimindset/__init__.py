"""The AIMindset project in a box: its database in several lineages, its Edge Function and its RPC fake."""
