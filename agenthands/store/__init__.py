"""Where builds lie: the object store, records, keys of cached results, work folders."""
