-- grain: one row per restaurant, the newest valid version
select distinct on (restaurant_id)
    restaurant_id,
    restaurant_name,
    region_id,
    category_id,
    price_tier,
    rating_avg,
    prep_time_avg_min,
    is_active,
    created_at,
    updated_at,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'restaurants') }}
order by restaurant_id asc, _partition_at desc, _source_file asc
