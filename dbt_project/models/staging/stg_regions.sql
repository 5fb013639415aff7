-- grain: one row per region, the newest valid version
select distinct on (region_id)
    region_id,
    region_name,
    city_id,
    delivery_base_fee,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'regions') }}
order by region_id asc, _partition_at desc, _source_file asc
