-- grain: one row per ticket event, the newest valid version
select distinct on (event_id)
    event_id,
    ticket_id,
    agent_id,
    event_ts,
    old_status,
    new_status,
    notes,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'ticket_events') }} as loaded
where not {{ is_discarded('loaded') }}
order by event_id asc, _partition_at desc, _source_file asc
