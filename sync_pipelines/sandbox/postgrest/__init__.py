"""A fake of a Supabase project's REST API: its gateway, and a server that answers as PostgREST does."""
