"""A Supabase project's REST face in a box: a gateway, and a server that answers as PostgREST does."""
