"""The networks, one each: a file or a package, named as `kind:` in config.yaml. See
docs/sources/README.md."""
