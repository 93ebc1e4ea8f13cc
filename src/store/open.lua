-- Takes the next epoch of a store. From then on every flush of an older epoch is refused, wherever it is on its way.
--
-- KEYS[1] the store's system hash
-- ARGV[1] the epoch the caller found there; empty: none
-- ARGV[2] the epoch it takes
-- ARGV[3] the number of the flush its rows belong to
-- ARGV[4..] field, row, field, row ...: the rows of the opening
--
-- Answers ok     the epoch is the caller's and its rows stand
--         moved  another opening came first: nothing was written, read again
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
if epoch ~= ARGV[1] then return 'moved' end

local CHUNK = 4000
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'flush', ARGV[3])
for from = 4, #ARGV, CHUNK do
  redis.call('HSET', KEYS[1], unpack(ARGV, from, math.min(from + CHUNK - 1, #ARGV)))
end
return 'ok'
