"""Numbers: Arrow tables in, Arrow tables out; never opens an image."""
