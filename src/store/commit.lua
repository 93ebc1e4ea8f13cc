-- One flush: every row of it, or none, and only for who holds the store.
--
-- KEYS[1]   the store's system hash
-- KEYS[2..] the log segments written to, one hash each
-- ARGV[1]   epoch of the caller
-- ARGV[2]   number of the flush before this one
-- ARGV[3]   number of this flush
-- ARGV[4]   count n of the arguments that follow for KEYS[1]: field, row, field, row ...
--           then for each further key its own count and its fields and rows
--
-- Answers   ok      all of it stands (also when this very flush stood already: a repetition changes nothing)
--           fenced  another process has opened the store since: nothing was written
--           lost    the system hash is gone: nothing was written
--           stale   the store stands at another flush than the caller believes: nothing was written
--
-- Every write is absolute (HSET), so its order and number do not matter; nothing is compared but for equality, so no
-- number passes through Lua's doubles.
local epoch, flush = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'flush'))
if not epoch then return 'lost' end
if epoch ~= ARGV[1] then return 'fenced' end
if flush == ARGV[3] then return 'ok' end
if flush ~= ARGV[2] then return 'stale' end

local CHUNK = 4000
local at = 4
for _, key in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  for from = at + 1, last, CHUNK do
    redis.call('HSET', key, unpack(ARGV, from, math.min(from + CHUNK - 1, last)))
  end
  at = last + 1
end
redis.call('HSET', KEYS[1], 'flush', ARGV[3])
return 'ok'
