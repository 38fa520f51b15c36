"""Archives of tables off their database: written, verified, restored, and which of them stay."""
