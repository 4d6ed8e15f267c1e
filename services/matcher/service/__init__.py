"""Use cases of the matcher. It owns no truth, so none opens a transaction: each effect is safe to repeat."""
