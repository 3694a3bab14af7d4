package mirror

import "strings"

// Download servers and pages of the projects.
const (
	FreeBSDReleases     = "https://download.freebsd.org/ftp/releases"
	FreeBSDUnsupported  = "https://www.freebsd.org/security/unsupported.html"
	HardenedBSDReleases = "https://jenkins.hardenedbsd.org/builds"
)

// Names of the checksum files.
const (
	ManifestFile  = "MANIFEST"         // FreeBSD
	ChecksumsFile = "CHECKSUMS.SHA256" // HardenedBSD
)

// Platform is the machine that a mirror's directories are named after.
type Platform struct {
	Machine string // sysctl hw.machine: "amd64", "arm64", "riscv"
	Arch    string // sysctl hw.machine_arch: "amd64", "aarch64", "riscv64"
}

// Path returns the two directories, "arm64/aarch64". libioc uses "uname -p" twice,
// which is right only if both are the same.
func (p Platform) Path() string { return p.Machine + "/" + p.Arch }

// ReleasesURL returns the directory that lists a platform's releases below base
// (FreeBSDReleases or a copy of it).
func ReleasesURL(base string, p Platform) string {
	return strings.TrimRight(base, "/") + "/" + p.Path()
}

// HardenedBSDDir returns the directory of a HardenedBSD build on its server, for
// instance HardenedBSD-13-STABLE-amd64-LATEST.
func HardenedBSDDir(release string, p Platform) string {
	return "HardenedBSD-" + release + "-" + p.Arch + "-LATEST"
}

// HardenedBSDRelease is the reverse of HardenedBSDDir; ok is false for builds
// of another platform and other directories.
func HardenedBSDRelease(dir string, p Platform) (release string, ok bool) {
	release, found := strings.CutPrefix(dir, "HardenedBSD-")
	if !found {
		return "", false
	}
	return strings.CutSuffix(release, "-"+p.Arch+"-LATEST")
}
