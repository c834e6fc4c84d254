"""Files under dated names that are never overwritten: plots, tables, scenarios and the model."""
