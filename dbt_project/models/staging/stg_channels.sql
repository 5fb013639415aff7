-- grain: one row per channel, the newest valid version
select distinct on (channel_id)
    channel_id,
    channel_name,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'channels') }}
order by channel_id asc, _partition_at desc, _source_file asc
