-- Destroys a dataset with all below it if it has a certain guid, zfs-program(8): nobody
-- can give its name to another one between the comparison and the end. Nothing is
-- unmounted; what is mounted is busy.
-- Arguments: the name, guid= and the guid as a signed number, "recursive" or nothing.

local argv = ...
argv = argv["argv"]
local name, guid, recursive = argv[1], argv[2], argv[3] == "recursive"

local ENOENT, EBUSY, EEXIST, ENOSPC = 2, 16, 17, 28

local function refuse(what, why)
	error("cannot destroy '" .. what .. "': " .. why, 0)
end

local function under(dataset, top)
	return dataset == top or string.sub(dataset, 1, #top + 1) == top .. "/"
end

-- check refuses to begin what cannot be finished. Whether a dataset that has snapshots
-- is mounted is not to be seen from here.
local function check(dataset)
	local snapshots = false
	for snapshot in zfs.list.snapshots(dataset) do
		snapshots = true
		if not recursive then
			refuse(name, "filesystem has children")
		end
		for clone in zfs.list.clones(snapshot) do
			if not under(clone, name) or under(dataset, clone) then
				refuse(name, "filesystem has dependent clones")
			end
		end
		if zfs.check.destroy(snapshot) == EBUSY then -- held or being sent
			refuse(snapshot, "dataset is busy")
		end
	end
	if not snapshots and zfs.check.destroy(dataset) == EBUSY then
		refuse(dataset, "dataset is busy")
	end
	for child in zfs.list.children(dataset) do
		if not recursive then
			refuse(name, "filesystem has children")
		end
		check(child)
	end
end

local function one(what)
	local err = zfs.sync.destroy(what)
	if err == EEXIST then -- an interrupted receive
		zfs.sync.destroy(what .. "/%recv")
		err = zfs.sync.destroy(what)
	end
	if err == EBUSY then
		refuse(what, "dataset is busy")
	elseif err == ENOSPC then
		refuse(what, "out of space")
	elseif err ~= 0 and err ~= ENOENT then -- a deferred snapshot goes with its last clone
		refuse(what, "errno " .. err)
	end
end

local function destroy(dataset)
	for child in zfs.list.children(dataset) do
		destroy(child)
	end
	for snapshot in zfs.list.snapshots(dataset) do
		for clone in zfs.list.clones(snapshot) do
			destroy(clone)
		end
		one(snapshot)
	end
	one(dataset)
end

if "guid=" .. tostring(zfs.get_prop(name, "guid")) ~= guid then
	refuse(name, "another dataset has this name")
end
check(name)
destroy(name)
