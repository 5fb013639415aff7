-- grain: one row per city, the newest valid version
select distinct on (city_id)
    city_id,
    city_name,
    country,
    timezone,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'cities') }}
order by city_id asc, _partition_at desc, _source_file asc
