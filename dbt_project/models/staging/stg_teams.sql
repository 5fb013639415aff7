-- grain: one row per team, the newest valid version
select distinct on (team_id)
    team_id,
    team_name,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'teams') }}
order by team_id asc, _partition_at desc, _source_file asc
