"""The GraphQL interface: a strawberry schema over the store, the topology and the model."""
