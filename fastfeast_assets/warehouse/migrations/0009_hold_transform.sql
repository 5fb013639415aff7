create function ops.hold_transform(holder integer) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(7301006);
    if not exists (
        select from pg_locks
        where
            locktype = 'advisory'
            and database = (select oid from pg_database where datname = current_database())
            and (classid, objid, objsubid) = (0, 7301002, 1)
            and pid = holder
            and granted
    ) then
        raise exception 'the process that started this transform has ended, and so does the transform';
    end if;
end
$$;

comment on function ops.hold_transform(integer) is
'Called by each model of a transform: holds the next transform off until the model commits, and fails when the session that began this one no longer holds the lock of transforms.';
