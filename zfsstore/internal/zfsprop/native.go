// Package zfsprop has the rules of ZFS for properties: which ones exist, for
// which types of datasets, with which values and defaults, by version.
package zfsprop

// Flags say where a native property exists and how it may be changed.
type Flags uint8

// The flags.
const (
	OnFS       Flags = 1 << iota // file systems have it
	OnVol                        // volumes have it
	OnSnap                       // snapshots have it
	Editable                     // zfs set changes it
	AtCreation                   // only zfs create sets it
	Inherits                     // descendants have its value
	Defaulted                    // read-only, yet its source is "default"
	NoSource                     // its default has the source "-"
)

// A Native is a native property.
type Native struct {
	Name    string
	Default string // default as zfs get -p prints it; "" if it is worked out
	Flags   Flags
	values  string // as zfs-get's usage text spells them
}

// natives are the native properties of file systems, volumes and snapshots as
// zfsprops(7) and zfs-get(8) of OpenZFS 2.1.9 know them, in zfs-get's order. The
// differences of later versions are in version.go.
var natives = []Native{
	{"type", "", OnFS | OnVol | OnSnap, "filesystem | volume | snapshot | bookmark"},
	{"creation", "", OnFS | OnVol | OnSnap, "<date>"},
	{"used", "", OnFS | OnVol | OnSnap, "<size>"},
	{"available", "", OnFS | OnVol, "<size>"},
	{"referenced", "", OnFS | OnVol | OnSnap, "<size>"},
	{"compressratio", "1.00", OnFS | OnVol | OnSnap, "<1.00x or higher if compressed>"},
	{"origin", "", OnFS | OnVol, "<snapshot>"},
	{"mounted", "", OnFS, "yes | no"},
	{"quota", "0", Editable | OnFS, "<size> | none"},
	{"reservation", "0", Editable | OnFS | OnVol, "<size> | none"},
	{"volsize", "", Editable | OnVol | OnSnap, "<size>"},
	{"volblocksize", "16384", AtCreation | Inherits | OnVol, "512 to 128k, power of 2"},
	{"recordsize", "131072", Editable | Inherits | OnFS, "512 to 1M, power of 2"},
	{"mountpoint", "", Editable | Inherits | OnFS, "<path> | legacy | none"},
	{"sharenfs", "off", Editable | Inherits | OnFS, "on | off | NFS share options"},
	{"checksum", "on", Editable | Inherits | OnFS | OnVol, "on | off | fletcher2 | fletcher4 | sha256 | sha512 | skein"},
	{"compression", "off", Editable | Inherits | OnFS | OnVol, "on | off | lzjb | gzip | gzip-[1-9] | zle | lz4 | zstd | zstd-[1-19] | zstd-fast | zstd-fast-[1-10,20,30,40,50,60,70,80,90,100,500,1000]"},
	{"atime", "on", Editable | Inherits | OnFS, "on | off"},
	{"devices", "on", Editable | Inherits | OnFS | OnSnap, "on | off"},
	{"exec", "on", Editable | Inherits | OnFS | OnSnap, "on | off"},
	{"setuid", "on", Editable | Inherits | OnFS | OnSnap, "on | off"},
	{"readonly", "off", Editable | Inherits | OnFS | OnVol, "on | off"},
	{"jailed", "off", Editable | Inherits | OnFS, "on | off"},
	{"snapdir", "hidden", Editable | Inherits | OnFS, "hidden | visible"},
	{"aclmode", "discard", Editable | Inherits | OnFS, "discard | groupmask | passthrough | restricted"},
	{"aclinherit", "restricted", Editable | Inherits | OnFS, "discard | noallow | restricted | passthrough | passthrough-x"},
	{"createtxg", "", OnFS | OnVol | OnSnap, "<uint64>"},
	{"canmount", "on", Editable | OnFS, "on | off | noauto"},
	{"xattr", "on", Editable | Inherits | OnFS | OnSnap, "on | off | dir | sa"},
	{"copies", "1", Editable | Inherits | OnFS | OnVol, "1 | 2 | 3"},
	{"version", "5", NoSource | Editable | OnFS | OnSnap, "1 | 2 | 3 | 4 | 5 | current"},
	{"utf8only", "off", NoSource | AtCreation | Inherits | OnFS | OnSnap, "on | off"},
	{"normalization", "none", NoSource | AtCreation | Inherits | OnFS | OnSnap, "none | formC | formD | formKC | formKD"},
	{"casesensitivity", "sensitive", NoSource | AtCreation | Inherits | OnFS | OnSnap, "sensitive | insensitive | mixed"},
	{"vscan", "off", Editable | Inherits | OnFS, "on | off"},
	{"nbmand", "off", Editable | Inherits | OnFS | OnSnap, "on | off"},
	{"sharesmb", "off", Editable | Inherits | OnFS, "on | off | SMB share options"},
	{"refquota", "0", Editable | OnFS, "<size> | none"},
	{"refreservation", "0", Editable | OnFS | OnVol, "<size> | none"},
	{"guid", "", OnFS | OnVol | OnSnap, "<uint64>"},
	{"primarycache", "all", Editable | Inherits | OnFS | OnVol | OnSnap, "all | none | metadata"},
	{"secondarycache", "all", Editable | Inherits | OnFS | OnVol | OnSnap, "all | none | metadata"},
	{"defer_destroy", "", OnSnap, "yes | no"},
	{"userrefs", "", OnSnap, "<count>"},
	{"usedbysnapshots", "0", OnFS | OnVol, "<size>"},
	{"usedbydataset", "", OnFS | OnVol, "<size>"},
	{"usedbychildren", "", OnFS | OnVol, "<size>"},
	{"usedbyrefreservation", "0", OnFS | OnVol, "<size>"},
	{"logbias", "latency", Editable | Inherits | OnFS | OnVol, "latency | throughput"},
	{"objsetid", "", OnFS | OnVol | OnSnap, "<uint64>"},
	{"dedup", "off", Editable | Inherits | OnFS | OnVol, "on | off | verify | sha256[,verify] | sha512[,verify] | skein[,verify]"},
	{"mlslabel", "none", Editable | Inherits | OnFS | OnVol | OnSnap, "<sensitivity label>"},
	{"sync", "standard", Editable | Inherits | OnFS | OnVol, "standard | always | disabled"},
	{"dnodesize", "legacy", Editable | Inherits | OnFS, "legacy | auto | 1k | 2k | 4k | 8k | 16k"},
	{"refcompressratio", "1.00", OnFS | OnVol | OnSnap, "<1.00x or higher if compressed>"},
	{"written", "", OnFS | OnVol | OnSnap, "<size>"},
	{"logicalused", "12288", OnFS | OnVol, "<size>"},
	{"logicalreferenced", "12288", OnFS | OnVol | OnSnap, "<size>"},
	{"volmode", "default", Editable | Inherits | OnFS | OnVol, "default | full | geom | dev | none"},
	{"filesystem_limit", "18446744073709551615", Editable | OnFS, "<count> | none"},
	{"snapshot_limit", "18446744073709551615", Editable | OnFS | OnVol, "<count> | none"},
	{"filesystem_count", "18446744073709551615", Defaulted | OnFS, "<count>"},
	{"snapshot_count", "18446744073709551615", Defaulted | OnFS | OnVol, "<count>"},
	{"snapdev", "hidden", Editable | Inherits | OnFS | OnVol, "hidden | visible"},
	{"acltype", "nfsv4", Editable | Inherits | OnFS | OnSnap, "off | nfsv4 | posix"},
	{"context", "none", Editable | OnFS | OnVol | OnSnap, "<selinux context>"},
	{"fscontext", "none", Editable | OnFS | OnVol | OnSnap, "<selinux fscontext>"},
	{"defcontext", "none", Editable | OnFS | OnVol | OnSnap, "<selinux defcontext>"},
	{"rootcontext", "none", Editable | OnFS | OnVol | OnSnap, "<selinux rootcontext>"},
	{"relatime", "off", Editable | Inherits | OnFS, "on | off"},
	{"redundant_metadata", "all", Editable | Inherits | OnFS | OnVol, "all | most | some | none"},
	{"overlay", "on", Editable | Inherits | OnFS, "on | off"},
	{"encryption", "off", AtCreation | Inherits | OnFS | OnVol | OnSnap, "on | off | aes-128-ccm | aes-192-ccm | aes-256-ccm | aes-128-gcm | aes-192-gcm | aes-256-gcm"},
	{"keylocation", "none", Editable | OnFS | OnVol, "prompt | <file URI> | <https URL> | <http URL>"},
	{"keyformat", "none", Defaulted | OnFS | OnVol, "none | raw | hex | passphrase"},
	{"pbkdf2iters", "0", Defaulted | OnFS | OnVol, "<iters>"},
	{"special_small_blocks", "0", Editable | Inherits | OnFS, "zero or 512 to 1M, power of 2"},
	{"clones", "", OnSnap, "<dataset>[,...]"},
	{"receive_resume_token", "", OnFS, "<string token>"},
}
