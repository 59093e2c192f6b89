"""The conference's blogs."""
