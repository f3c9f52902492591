"""Where objects live: storages, transactions, handles, history. The only layer that commits to the object database."""
