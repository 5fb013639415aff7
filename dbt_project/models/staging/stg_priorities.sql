-- grain: one row per priority, the newest valid version
select distinct on (priority_id)
    priority_id,
    priority_code,
    priority_name,
    sla_first_response_min,
    sla_resolution_min,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'priorities') }}
order by priority_id asc, _partition_at desc, _source_file asc
