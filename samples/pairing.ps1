#Requires -Version 7.6
<#
.SYNOPSIS
    Two homes pair through a relay, with nothing but the cmdlets of WirePS.
.DESCRIPTION
    Starts a relay on a free port of this machine and a daemon for each of two homes in a temporary folder; then the host
    makes a code, the guest joins with it, both compare six digits and confirm. Prints every transition, and what it took.
    Nothing is left behind.
.PARAMETER Module
    The module to use; without it the installed one.
.EXAMPLE
    ./samples/pairing.ps1 -Module ./out/module/WirePS/WirePS.psd1
#>
[CmdletBinding()]
param(
    [string] $Module = 'WirePS'
)

$ErrorActionPreference = 'Stop'
$env:WIRE_NO_TOASTS = '1'
Import-Module -Name $Module

$folder = Join-Path ([IO.Path]::GetTempPath()) "wireps-demo-$PID"
$homes = [ordered]@{}
foreach ($name in 'relay', 'host', 'guest') {
    $homes[$name] = Join-Path $folder $name
}

# Shows what is new in the journals, in the order in which it happened, until the sides named have come to a status.
$seen = @{ host = 0; guest = 0 }
function Show-Transition {
    param([string] $Until, [string[]] $Of)

    $waiting = [Collections.Generic.List[string]] $Of
    $patience = [Diagnostics.Stopwatch]::StartNew()
    while ($waiting.Count -gt 0 -and $patience.Elapsed.TotalSeconds -lt 30) {
        $new = foreach ($name in 'host', 'guest') {
            foreach ($entry in Get-WireJournal -WireHome $homes[$name] -After $seen[$name] -Kind pair) {
                $seen[$name] = $entry.Seq
                if ($entry.To -eq $Until) {
                    $null = $waiting.Remove($name)
                }

                [pscustomobject]@{ Name = $name; Time = $entry.Time; From = $entry.From ?? '-'; To = $entry.To }
            }
        }

        foreach ($line in $new | Sort-Object -Property Time -Stable) {
            '{0,-8} {1:HH:mm:ss.fff}  {2} -> {3}' -f $line.Name, $line.Time, $line.From, $line.To
        }

        Start-Sleep -Milliseconds 20
    }
}

try {
    $relay = Start-WireRelay -Port 0 -WireHome $homes.relay
    '{0,-8} {1} (process {2})' -f 'relay', $relay.Url, $relay.Pid

    foreach ($name in 'host', 'guest') {
        $identity = Initialize-WireIdentity -WireHome $homes[$name] -Relay $relay.Url
        $daemon = Start-WireDaemon -WireHome $homes[$name] -PassThru
        '{0,-8} {1} (daemon: process {2})' -f $name, $identity.Did, $daemon.Pid
        '{0,-8} fingerprint {1}' -f '', $identity.Fingerprint
    }

    # One person makes the code ...
    ''
    $protocol = (Test-WireRelay -Url $relay.Url).Protocols -contains 'v2' ? 'V2' : 'V1'
    $hosted = New-WirePair -Detach -Protocol $protocol -WireHome $homes.host
    Show-Transition -Until polling -Of host
    ''
    '{0,-8} the host reads out the code: {1}' -f '', $hosted.Code
    ''

    # ... the other types it.
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $joined = New-WirePair -Code $hosted.Code -Detach -WireHome $homes.guest
    $hosted = $hosted | Wait-WirePair -For SasReady -Timeout 60
    $joined = $joined | Wait-WirePair -For SasReady -Timeout 60
    $compare = $clock.Elapsed
    Show-Transition -Until sas_ready -Of host, guest
    ''
    '{0,-8} host     guest' -f ''
    '{0,-8} {1}   {2}   each reads out its own and types the other''s' -f '', $hosted.Sas, $joined.Sas
    ''

    $hosted | Confirm-WirePair -Digits $joined.Sas
    $clock.Restart()
    $joined | Confirm-WirePair -Digits $hosted.Sas
    $null = $hosted | Wait-WirePair -For Paired -Timeout 60
    $null = $joined | Wait-WirePair -For Paired -Timeout 60
    $pin = $clock.Elapsed
    Show-Transition -Until paired -Of host, guest
    ''

    foreach ($name in 'host', 'guest') {
        foreach ($peer in Get-WirePeer -WireHome $homes[$name]) {
            '{0,-8} trusts {1}: {2}' -f $name, $peer.Did, $peer.Tier
            '{0,-8} fingerprint {1}' -f '', $peer.Fingerprint
        }
    }

    ''
    'from the cmdlet that joins to the digits on both sides:  {0,8:0.0} ms' -f $compare.TotalMilliseconds
    'from the second confirmation to both pinned:             {0,8:0.0} ms' -f $pin.TotalMilliseconds
}
finally {
    foreach ($name in 'host', 'guest') {
        Stop-WireDaemon -WireHome $homes[$name] -ErrorAction Continue
    }

    Stop-WireRelay -WireHome $homes.relay -ErrorAction Continue
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction Ignore
}
