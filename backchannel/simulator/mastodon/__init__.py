"""The conference's Mastodon servers."""
