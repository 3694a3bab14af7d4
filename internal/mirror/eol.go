package mirror

import (
	"strings"
	"time"
)

// endOfLife holds the end of support of FreeBSD's releases and stable branches
// as the security officer's page and the release schedules give it, one per
// line: name, last day. What is newer, [Mirror.Unsupported] asks for.
const endOfLife = `
11-STABLE     2021-09-30
11.0-RELEASE  2017-11-30
11.1-RELEASE  2018-09-30
11.2-RELEASE  2019-10-31
11.3-RELEASE  2020-09-30
11.4-RELEASE  2021-09-30
12-STABLE     2023-12-31
12.0-RELEASE  2020-02-29
12.1-RELEASE  2021-01-31
12.2-RELEASE  2022-03-31
12.3-RELEASE  2023-03-31
12.4-RELEASE  2023-12-31
13-STABLE     2026-04-30
13.0-RELEASE  2022-08-31
13.1-RELEASE  2023-07-31
13.2-RELEASE  2024-06-30
13.3-RELEASE  2024-12-31
13.4-RELEASE  2025-06-30
13.5-RELEASE  2026-04-30
14-STABLE     2028-11-30
14.0-RELEASE  2024-09-30
14.1-RELEASE  2025-03-31
14.2-RELEASE  2025-09-30
14.3-RELEASE  2026-06-30
14.4-RELEASE  2026-12-31
14.5-RELEASE  2027-06-30
15-STABLE     2029-12-31
15.0-RELEASE  2026-09-30
15.1-RELEASE  2027-03-31
`

// EndOfLife gives the end, in UTC, of the last day on which FreeBSD supports a
// release ("13.2-RELEASE") or a branch; "13.2-STABLE" means the branch 13-STABLE.
// ok is false when the stored table does not have it. Dates of supported
// releases are the project's estimates.
func EndOfLife(release string) (end time.Time, ok bool) {
	if version, stable := strings.CutSuffix(release, "-STABLE"); stable {
		major, _, _ := strings.Cut(version, ".")
		release = major + "-STABLE"
	}
	for line := range strings.Lines(endOfLife) {
		f := strings.Fields(line)
		if len(f) != 2 || f[0] != release {
			continue
		}
		day, err := time.Parse(time.DateOnly, f[1])
		return day.AddDate(0, 0, 1), err == nil
	}
	return time.Time{}, false
}
