-- grain: one row per category, the newest valid version
select distinct on (category_id)
    category_id,
    category_name,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'categories') }}
order by category_id asc, _partition_at desc, _source_file asc
