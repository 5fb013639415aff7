-- grain: one row per version of a agent; a version is a change of its business columns
{{
    config(
        unique_key='version_key',
        indexes=[
            {'columns': ['agent_id', 'valid_from']},
            {'columns': ['_loaded_at']},
        ],
        pre_hook="{{ claim_loads('dim_agent_history', ['agents']) }}",
    )
}}

with

{{ member_versions(
    'dim_agent_history',
    'agents',
    'agent_id',
    [
        'agent_name',
        'agent_email_hash',
        'agent_phone_hash',
        'team_id',
        'skill_level',
        'hire_date',
        'avg_handle_time_min',
        'resolution_rate',
        'csat_score',
        'is_active',
        'created_at',
    ],
) }}

select
    version_key,
    agent_id,
    agent_name,
    agent_email_hash::text as agent_email_hash,
    agent_phone_hash::text as agent_phone_hash,
    team_id,
    skill_level,
    hire_date,
    avg_handle_time_min,
    resolution_rate,
    csat_score,
    is_active,
    created_at,
    valid_from,
    valid_to,
    is_current,
    is_absent,
    absent_since,
    now() as _loaded_at
from history
