"""Properties files, the ConfigDef engine, and the definitions of worker, connector and client keys."""
