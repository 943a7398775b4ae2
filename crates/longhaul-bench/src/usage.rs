//! CPU time and memory of processes, as Linux tells them (`proc(5)`). Elsewhere they are unknown.

use std::fs;
use std::time::Duration;

/// What the kernel counts CPU time in: `USER_HZ`, 100 on every architecture that Linux still supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// The CPU time that a process has used.
pub fn cpu_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain anything; utime and stime are the 14th and 15th fields, counted from 1.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let ticks = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

/// The most memory that a process has had resident since its start or since [`forget_peak`], in bytes.
pub fn peak_memory(process: u32) -> Option<u64> {
    status_bytes(process, "VmHWM:")
}

/// The memory that a process has resident, in bytes.
pub fn memory(process: u32) -> Option<u64> {
    status_bytes(process, "VmRSS:")
}

fn status_bytes(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))?;
    Some(kilobytes.trim().parse::<u64>().ok()? * 1024)
}

/// Lets the peak begin anew at what is resident now.
pub fn forget_peak(process: u32) {
    // Where it is not allowed, the peak is that since the start.
    let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_sees_its_own_work_and_memory() {
        let me = std::process::id();
        let before = cpu_time(me).unwrap();
        let mut sum = 0_u64;
        while cpu_time(me).unwrap() - before < Duration::from_millis(30) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(memory(me).unwrap() > 1 << 20);
        assert!(peak_memory(me).unwrap() >= memory(me).unwrap());
    }
}
