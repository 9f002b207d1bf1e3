"""Everything a gRPC process needs, once: server, channel, errors, authentication, health."""
