-- One block of a checkpoint, and only for who holds the store.
--
-- KEYS[1] the store's system hash
-- KEYS[2] the checkpoint: a hash, a field for each block
-- ARGV[1] epoch of the caller
-- ARGV[2] index of the block
-- ARGV[3] the block
--
-- Answers ok      the block stands; it replaced the one that stood there
--         fenced  another process has opened the store since: nothing was written
--         lost    the system hash is gone: nothing was written
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then return 'lost' end
if epoch ~= ARGV[1] then return 'fenced' end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 'ok'
