-- grain: one row per agent, the newest valid version
select distinct on (agent_id)
    agent_id,
    agent_name,
    agent_email_hash,
    agent_phone_hash,
    team_id,
    skill_level,
    hire_date,
    avg_handle_time_min,
    resolution_rate,
    csat_score,
    is_active,
    created_at,
    updated_at,
    _partition_at,
    _source_file,
    _row_number,
    _run_id,
    _load_id
from {{ source('raw', 'agents') }}
order by agent_id asc, _partition_at desc, _source_file asc
