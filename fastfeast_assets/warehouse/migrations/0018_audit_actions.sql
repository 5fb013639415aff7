comment on column ops.audit_log.action is
'release, discard, reprocess, withdraw, prune, refresh, upgrade, accept for a change of the identity, keep for a fact that its file has given up, erase for a person, or rotate for the key of the hashes.';
