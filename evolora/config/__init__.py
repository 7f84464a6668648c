"""World files: models, loading, errors."""
