-- grain: one row per segment, the newest valid version
select distinct on (segment_id)
    segment_id,
    segment_name,
    discount_pct,
    priority_support,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'segments') }}
order by segment_id asc, _partition_at desc, _source_file asc
