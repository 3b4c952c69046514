-- The accounts of the login server (docs/architecture.md, "Fixed by the system description").
--
-- Only the login server reads and writes this table, with the service key. The public key ("anon"), which anybody may
-- know, and users who log in to Supabase itself ("authenticated") neither read nor write anything: they hold no
-- privilege on the table, and row-level security, which is on and has no policy, would show them no row if they did.

create table public.users (
    uid uuid primary key default gen_random_uuid(),
    -- In lower case, and so unique without regard to case, also when two are made at the same instant.
    email text not null unique check (email = lower(email) and length(email) between 3 and 320),
    -- A hash in the PHC string format, never a password.
    password text not null check (password like '$argon2id$%' and length(password) <= 512),
    "isAdmin" boolean not null default false,
    created_at timestamptz not null default now()
);

comment on table public.users is 'Accounts of Aukciszek. For the service key alone.';

alter table public.users enable row level security;

-- Supabase grants everything on a new table to these roles.
revoke all on table public.users from public, anon, authenticated, service_role;

-- No more than the login server does: a new account cannot begin with a privilege, and none is ever deleted by it.
grant select on table public.users to service_role;
grant insert (email, password) on table public.users to service_role;
grant update (password, "isAdmin") on table public.users to service_role;
