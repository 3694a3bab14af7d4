package zfsstore

// The native properties of file systems, volumes and snapshots, as
// zfsprops(7) and zfs-get(8) of OpenZFS 2.1.9 know them, in zfs-get's order.
// What a later version does otherwise is in version.go.

// propertyFlags says where a native property exists and how it may be changed.
type propertyFlags uint8

const (
	onFS       propertyFlags = 1 << iota // file systems have it
	onVol                                // volumes have it
	onSnap                               // snapshots have it
	editable                             // zfs set changes it
	atCreation                           // only zfs create sets it
	inherits                             // descendants have its value
	defaulted                            // read-only, yet its source is "default"
	noSource                             // its default has the source "-"
)

// nativeProperty is one row of the table.
type nativeProperty struct {
	name   string
	def    string // default as zfs get -p prints it; "" if it is worked out
	flags  propertyFlags
	values string // as zfs-get's usage text spells them
}

var nativeProperties = []nativeProperty{
	{"type", "", onFS | onVol | onSnap, "filesystem | volume | snapshot | bookmark"},
	{"creation", "", onFS | onVol | onSnap, "<date>"},
	{"used", "", onFS | onVol | onSnap, "<size>"},
	{"available", "", onFS | onVol, "<size>"},
	{"referenced", "", onFS | onVol | onSnap, "<size>"},
	{"compressratio", "1.00", onFS | onVol | onSnap, "<1.00x or higher if compressed>"},
	{"origin", "", onFS | onVol, "<snapshot>"},
	{"mounted", "", onFS, "yes | no"},
	{"quota", "0", editable | onFS, "<size> | none"},
	{"reservation", "0", editable | onFS | onVol, "<size> | none"},
	{"volsize", "", editable | onVol | onSnap, "<size>"},
	{"volblocksize", "16384", atCreation | inherits | onVol, "512 to 128k, power of 2"},
	{"recordsize", "131072", editable | inherits | onFS, "512 to 1M, power of 2"},
	{"mountpoint", "", editable | inherits | onFS, "<path> | legacy | none"},
	{"sharenfs", "off", editable | inherits | onFS, "on | off | NFS share options"},
	{"checksum", "on", editable | inherits | onFS | onVol, "on | off | fletcher2 | fletcher4 | sha256 | sha512 | skein"},
	{"compression", "off", editable | inherits | onFS | onVol, "on | off | lzjb | gzip | gzip-[1-9] | zle | lz4 | zstd | zstd-[1-19] | zstd-fast | zstd-fast-[1-10,20,30,40,50,60,70,80,90,100,500,1000]"},
	{"atime", "on", editable | inherits | onFS, "on | off"},
	{"devices", "on", editable | inherits | onFS | onSnap, "on | off"},
	{"exec", "on", editable | inherits | onFS | onSnap, "on | off"},
	{"setuid", "on", editable | inherits | onFS | onSnap, "on | off"},
	{"readonly", "off", editable | inherits | onFS | onVol, "on | off"},
	{"jailed", "off", editable | inherits | onFS, "on | off"},
	{"snapdir", "hidden", editable | inherits | onFS, "hidden | visible"},
	{"aclmode", "discard", editable | inherits | onFS, "discard | groupmask | passthrough | restricted"},
	{"aclinherit", "restricted", editable | inherits | onFS, "discard | noallow | restricted | passthrough | passthrough-x"},
	{"createtxg", "", onFS | onVol | onSnap, "<uint64>"},
	{"canmount", "on", editable | onFS, "on | off | noauto"},
	{"xattr", "on", editable | inherits | onFS | onSnap, "on | off | dir | sa"},
	{"copies", "1", editable | inherits | onFS | onVol, "1 | 2 | 3"},
	{"version", "5", noSource | editable | onFS | onSnap, "1 | 2 | 3 | 4 | 5 | current"},
	{"utf8only", "off", noSource | atCreation | inherits | onFS | onSnap, "on | off"},
	{"normalization", "none", noSource | atCreation | inherits | onFS | onSnap, "none | formC | formD | formKC | formKD"},
	{"casesensitivity", "sensitive", noSource | atCreation | inherits | onFS | onSnap, "sensitive | insensitive | mixed"},
	{"vscan", "off", editable | inherits | onFS, "on | off"},
	{"nbmand", "off", editable | inherits | onFS | onSnap, "on | off"},
	{"sharesmb", "off", editable | inherits | onFS, "on | off | SMB share options"},
	{"refquota", "0", editable | onFS, "<size> | none"},
	{"refreservation", "0", editable | onFS | onVol, "<size> | none"},
	{"guid", "", onFS | onVol | onSnap, "<uint64>"},
	{"primarycache", "all", editable | inherits | onFS | onVol | onSnap, "all | none | metadata"},
	{"secondarycache", "all", editable | inherits | onFS | onVol | onSnap, "all | none | metadata"},
	{"defer_destroy", "", onSnap, "yes | no"},
	{"userrefs", "", onSnap, "<count>"},
	{"usedbysnapshots", "0", onFS | onVol, "<size>"},
	{"usedbydataset", "", onFS | onVol, "<size>"},
	{"usedbychildren", "", onFS | onVol, "<size>"},
	{"usedbyrefreservation", "0", onFS | onVol, "<size>"},
	{"logbias", "latency", editable | inherits | onFS | onVol, "latency | throughput"},
	{"objsetid", "", onFS | onVol | onSnap, "<uint64>"},
	{"dedup", "off", editable | inherits | onFS | onVol, "on | off | verify | sha256[,verify] | sha512[,verify] | skein[,verify]"},
	{"mlslabel", "none", editable | inherits | onFS | onVol | onSnap, "<sensitivity label>"},
	{"sync", "standard", editable | inherits | onFS | onVol, "standard | always | disabled"},
	{"dnodesize", "legacy", editable | inherits | onFS, "legacy | auto | 1k | 2k | 4k | 8k | 16k"},
	{"refcompressratio", "1.00", onFS | onVol | onSnap, "<1.00x or higher if compressed>"},
	{"written", "", onFS | onVol | onSnap, "<size>"},
	{"logicalused", "12288", onFS | onVol, "<size>"},
	{"logicalreferenced", "12288", onFS | onVol | onSnap, "<size>"},
	{"volmode", "default", editable | inherits | onFS | onVol, "default | full | geom | dev | none"},
	{"filesystem_limit", "18446744073709551615", editable | onFS, "<count> | none"},
	{"snapshot_limit", "18446744073709551615", editable | onFS | onVol, "<count> | none"},
	{"filesystem_count", "18446744073709551615", defaulted | onFS, "<count>"},
	{"snapshot_count", "18446744073709551615", defaulted | onFS | onVol, "<count>"},
	{"snapdev", "hidden", editable | inherits | onFS | onVol, "hidden | visible"},
	{"acltype", "nfsv4", editable | inherits | onFS | onSnap, "off | nfsv4 | posix"},
	{"context", "none", editable | onFS | onVol | onSnap, "<selinux context>"},
	{"fscontext", "none", editable | onFS | onVol | onSnap, "<selinux fscontext>"},
	{"defcontext", "none", editable | onFS | onVol | onSnap, "<selinux defcontext>"},
	{"rootcontext", "none", editable | onFS | onVol | onSnap, "<selinux rootcontext>"},
	{"relatime", "off", editable | inherits | onFS, "on | off"},
	{"redundant_metadata", "all", editable | inherits | onFS | onVol, "all | most | some | none"},
	{"overlay", "on", editable | inherits | onFS, "on | off"},
	{"encryption", "off", atCreation | inherits | onFS | onVol | onSnap, "on | off | aes-128-ccm | aes-192-ccm | aes-256-ccm | aes-128-gcm | aes-192-gcm | aes-256-gcm"},
	{"keylocation", "none", editable | onFS | onVol, "prompt | <file URI> | <https URL> | <http URL>"},
	{"keyformat", "none", defaulted | onFS | onVol, "none | raw | hex | passphrase"},
	{"pbkdf2iters", "0", defaulted | onFS | onVol, "<iters>"},
	{"special_small_blocks", "0", editable | inherits | onFS, "zero or 512 to 1M, power of 2"},
	{"clones", "", onSnap, "<dataset>[,...]"},
	{"receive_resume_token", "", onFS, "<string token>"},
}
