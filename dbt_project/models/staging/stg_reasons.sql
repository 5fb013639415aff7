-- grain: one row per reason, the newest valid version
select distinct on (reason_id)
    reason_id,
    reason_name,
    reason_category_id,
    severity_level,
    typical_refund_pct,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'reasons') }}
order by reason_id asc, _partition_at desc, _source_file asc
