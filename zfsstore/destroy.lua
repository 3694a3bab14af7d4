-- Destroys a dataset with all below it if it has a certain guid, zfs-program(8): nobody
-- can give its name to another one between the comparison and the end. Nothing is
-- unmounted; what is mounted is busy.
-- Arguments: the name, guid= and the guid as a signed number, "recursive" or nothing.

local argv = ...
argv = argv["argv"]
local name, guid, recursive = argv[1], argv[2], argv[3] == "recursive"

local function refuse(what, why)
	error("cannot destroy '" .. what .. "': " .. why, 0)
end

local function within(dataset)
	return dataset == name or string.sub(dataset, 1, #name + 1) == name .. "/"
end

-- check refuses to begin what cannot be finished.
local function check(dataset)
	for snapshot in zfs.list.snapshots(dataset) do
		if not recursive then
			refuse(name, "filesystem has children")
		end
		for clone in zfs.list.clones(snapshot) do
			if not within(clone) then
				refuse(name, "filesystem has dependent clones")
			end
		end
		for _ in zfs.list.holds(snapshot) do
			refuse(snapshot, "dataset is busy")
		end
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
	if err == 16 then
		refuse(what, "dataset is busy")
	elseif err ~= 0 then
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
