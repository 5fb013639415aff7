-- grain: one row per reason category, the newest valid version
select distinct on (reason_category_id)
    reason_category_id,
    category_name,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'reason_categories') }}
order by reason_category_id asc, _partition_at desc, _source_file asc
