"""The conference's Nostr relay."""
