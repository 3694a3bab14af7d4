package mirror

import (
	"strings"
	"time"
)

// endOfLife holds the end of support of FreeBSD's releases and stable branches,
// one per line: name, last day, and where that is from. "page" is the security
// officer's page of supported releases as of March 2025 or of unsupported ones as of
// February 2021; "announced" are release announcements and schedules, where future
// dates are estimates. [Mirror.Unsupported] asks for newer data.
const endOfLife = `
9-STABLE      2016-12-31  page
9.3-RELEASE   2016-12-31  page
10-STABLE     2018-10-31  page
10.0-RELEASE  2015-02-28  page
10.1-RELEASE  2016-12-31  page
10.2-RELEASE  2016-12-31  page
10.3-RELEASE  2018-04-30  page
10.4-RELEASE  2018-10-31  page
11-STABLE     2021-09-30  announced
11.0-RELEASE  2017-11-30  page
11.1-RELEASE  2018-09-30  page
11.2-RELEASE  2019-10-31  page
11.3-RELEASE  2020-09-30  page
11.4-RELEASE  2021-09-30  announced
12-STABLE     2023-12-31  announced
12.0-RELEASE  2020-02-29  page
12.1-RELEASE  2021-01-31  page
12.2-RELEASE  2022-03-31  announced
12.3-RELEASE  2023-03-31  announced
12.4-RELEASE  2023-12-31  announced
13-STABLE     2026-04-30  page
13.0-RELEASE  2022-08-31  announced
13.1-RELEASE  2023-07-31  announced
13.2-RELEASE  2024-06-30  announced
13.3-RELEASE  2024-12-31  announced
13.4-RELEASE  2025-06-30  page
13.5-RELEASE  2026-04-30  page
14-STABLE     2028-11-30  page
14.0-RELEASE  2024-09-30  announced
14.1-RELEASE  2025-03-31  announced
14.2-RELEASE  2025-09-30  page
14.3-RELEASE  2026-06-30  announced
14.4-RELEASE  2026-12-31  announced
14.5-RELEASE  2027-06-30  announced
15-STABLE     2029-12-31  announced
15.0-RELEASE  2026-09-30  announced
15.1-RELEASE  2027-03-31  announced
`

// EndOfLife returns the end, in UTC, of the last day on which FreeBSD supports a
// release ("13.2-RELEASE") or a branch; "13.2-STABLE" means the branch 13-STABLE.
// source is "page" or "announced", see the table. ok is false if the table does not
// have it. Dates of supported releases are the project's estimates.
func EndOfLife(release string) (end time.Time, source string, ok bool) {
	if version, stable := strings.CutSuffix(release, "-STABLE"); stable {
		major, _, _ := strings.Cut(version, ".")
		release = major + "-STABLE"
	}
	for line := range strings.Lines(endOfLife) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != release {
			continue
		}
		day, err := time.Parse(time.DateOnly, f[1])
		return day.AddDate(0, 0, 1), f[2], err == nil
	}
	return time.Time{}, "", false
}
