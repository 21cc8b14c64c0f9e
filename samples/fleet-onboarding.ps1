#Requires -Version 7.6
<#
.SYNOPSIS
    Lets the machines of a list join this one by a counted invite, and sees that both sides have pinned each other.
.DESCRIPTION
    Makes one invite for as many machines as are still to join, runs the joining part on each of them (over SSH remoting, or in
    local homes for a rehearsal), takes their answers here, and compares what both sides say at the end: this home has pinned
    the key that the machine says is its own, and the machine has pinned ours. The invite is taken back when all is done.

    What is done stands in the state file, without secrets. Run again, the script goes on with those that have not joined yet.
    It gives out an object for each machine that it has tried; the exit code is the number of those that failed, at most 100.
.PARAMETER Path
    A CSV file with the column Name, and for SSH HostName, UserName and KeyFilePath where Name is not enough. The column Handle gives
    the machine's name for itself, where that is not Name.
.PARAMETER StateFile
    Where it is kept what is done; beside the CSV file where it is not given.
.PARAMETER WireHome
    The home that the machines join; without it the usual one.
.PARAMETER Relay
    The relay; without it the one of the home. The machines must be able to reach it.
.PARAMETER Label
    The label of the invite, and of the peers that come by it.
.PARAMETER LocalFolder
    Rehearses on this machine: each machine of the list is a home in this folder, and nothing is done over the network but to the relay.
.PARAMETER Timeout
    How many seconds each machine has.
.PARAMETER AtOnce
    How many machines join at the same time.
.PARAMETER Module
    The module to use, here and in local homes; on the machines the installed one is used.
.EXAMPLE
    ./samples/fleet-onboarding.ps1 machines.csv -Label web
.EXAMPLE
    ./samples/fleet-onboarding.ps1 machines.csv -LocalFolder /tmp/fleet -Module ./out/module/WirePS/WirePS.psd1
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Path,
    [string] $StateFile = [IO.Path]::ChangeExtension($Path, '.state.json'),
    [string] $WireHome,
    [string] $Relay,
    [ValidateLength(1, 64)] [string] $Label = 'fleet',
    [string] $LocalFolder,
    [ValidateRange(1, 86400)] [int] $Timeout = 300,
    [ValidateRange(1, 64)] [int] $AtOnce = 16,
    [string] $Module = 'WirePS'
)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
Import-Module -Name $Module
$here = $WireHome ? @{ WireHome = $WireHome } : @{}

# What runs on each machine. It makes no daemon: it does what is to be done until the issuer has acknowledged.
$join = {
    param($Name, $Handle, $Url, $Relay, $Module, $Folder, $Timeout)

    $ErrorActionPreference = 'Stop'
    $env:WIRE_NO_TOASTS = '1'
    $result = @{ Name = $Name; Status = 'Failed'; Did = $null; Fingerprint = $null; Issuer = $null; ErrorId = $null; Message = $null }
    try {
        Import-Module -Name $Module
        $place = $Folder ? @{ WireHome = $Folder } : @{}
        if (Get-WireIdentity @place -ErrorAction Ignore -WarningAction Ignore) { Set-WireRelay $Relay @place } else { $null = Initialize-WireIdentity -Handle $Handle -Relay $Relay @place }
        $me = Get-WireIdentity @place
        $result.Did, $result.Fingerprint = $me.Did, $me.Fingerprint

        # What an earlier run has left waiting has no use any more.
        Get-WirePendingPair @place | Where-Object { $_.Kind -eq 'invite' -and -not $_.EndedAt } | Stop-WirePair
        $pair = Receive-WireInvite $Url -Detach @place -WarningAction Ignore
        $clock = [Diagnostics.Stopwatch]::StartNew()
        while (-not $pair.EndedAt -and $clock.Elapsed.TotalSeconds -lt $Timeout) {
            $null = Invoke-WireTick @place -ErrorAction Continue 2>$null
            $pair = Get-WirePendingPair -Id $pair.Id @place
            if (-not $pair.EndedAt) { Start-Sleep -Milliseconds 500 }
        }

        if ($pair.Status -eq 'Paired') {
            $result.Status = 'Joined'
            $result.Issuer = (Get-WirePeer $pair.PeerDid @place).Fingerprint
        }
        else {
            $result.ErrorId = $pair.Reason ? "Wire$($pair.Reason)" : 'NoAcknowledgement'
            $result.Message = $pair.LastError ?? "It has answered the invite, and was not acknowledged within $Timeout seconds: is another machine known here under the name '$Handle'?"
        }
    }
    catch {
        $result.ErrorId = $_.FullyQualifiedErrorId.Split(',')[0]
        $result.Message = "$_"
    }

    [pscustomobject] $result
}

# What is done already; written anew after each machine, in one step.
$state = @{}
if (Test-Path -LiteralPath $StateFile) {
    $state = Get-Content -LiteralPath $StateFile -Raw | ConvertFrom-Json -AsHashtable
}

function Save-State {
    $draft = "$StateFile.new"
    $state | ConvertTo-Json -Depth 4 | Set-Content -LiteralPath $draft
    Move-Item -LiteralPath $draft -Destination $StateFile -Force
}

$machines = @(Import-Csv -LiteralPath $Path)
$names = $machines.Name
if ($twice = $names | Group-Object | Where-Object Count -gt 1) {
    throw "These machines are in the list twice: $($twice.Name -join ', ')."
}

# One that was removed here since joins again.
$known = @(Get-WirePeer @here | ForEach-Object Did)
$todo = @($machines | Where-Object { -not ($state[$_.Name] -and $state[$_.Name].Status -eq 'Joined' -and $state[$_.Name].Did -in $known) })
Write-Information "$($machines.Count) machines, $($todo.Count) to join." -InformationAction Continue
if (-not $todo) {
    exit 0
}

if (-not $Relay) {
    $Relay = (Test-WireRelay @here).Url
}

$invite = New-WireInvite -Uses $todo.Count -ExpiresIn ([timespan]::FromSeconds([math]::Max(3600, 2 * $Timeout))) -Label $Label -Relay $Relay @here -WarningAction Ignore
$failed = 0
try {
    $issuer = (Get-WireIdentity @here).Fingerprint
    $jobs = foreach ($machine in $todo) {
        $column = { param($Name) $machine.PSObject.Properties[$Name] ? $machine.$Name : $null }
        $remote = $null
        if (-not $LocalFolder) {
            $remote = @{ HostName = (& $column HostName) ? $machine.HostName : $machine.Name }
            foreach ($name in 'UserName', 'KeyFilePath') { if (& $column $name) { $remote[$name] = $machine.$name } }
        }

        $given = @($machine.Name, ((& $column Handle) ? $machine.Handle : $machine.Name), "$invite", $Relay)
        $given += $LocalFolder ? @($Module, (Join-Path $LocalFolder $machine.Name), $Timeout) : @('WirePS', $null, $Timeout)
        Start-ThreadJob -Name $machine.Name -ThrottleLimit $AtOnce -ScriptBlock {
            $part = [scriptblock]::Create("$using:join")
            $there = $using:remote
            $arguments = $using:given
            if ($there) { Invoke-Command @there -ScriptBlock $part -ArgumentList $arguments } else { & $part @arguments }
        }
    }

    # The answers are taken here meanwhile; where a daemon runs, that does no harm.
    $waiting = [Collections.Generic.List[object]] @($jobs)
    while ($waiting.Count -gt 0) {
        $null = Invoke-WireTick @here -ErrorAction Continue 2>$null
        foreach ($job in @($waiting | Where-Object State -in 'Completed', 'Failed', 'Stopped')) {
            $null = $waiting.Remove($job)
            $result = $null
            $message = 'It could not be reached.'
            try { $result = Receive-Job $job -ErrorAction Stop | Select-Object -Last 1 } catch { $message = "$_" }
            $result ??= [pscustomobject]@{ Name = $job.Name; Status = 'Failed'; Did = $null; Fingerprint = $null; Issuer = $null; ErrorId = 'Unreachable'; Message = $message }

            # Both sides must have pinned the key that the other one says is its own.
            if ($result.Status -eq 'Joined') {
                $peer = Get-WirePeer @here | Where-Object Did -eq $result.Did
                if ($result.Issuer -ne $issuer -or -not $peer -or $peer.Fingerprint -ne $result.Fingerprint) {
                    $result.Status, $result.ErrorId, $result.Message = 'Failed', 'KeysDiffer', 'The two sides have pinned other keys than they say they have.'
                }
            }

            $state[$result.Name] = @{ Status = $result.Status; Did = $result.Did; Fingerprint = $result.Fingerprint; ErrorId = $result.ErrorId; At = [datetime]::UtcNow.ToString('o') }
            Save-State
            if ($result.Status -ne 'Joined') { $failed++ }
            Write-Progress -Activity 'Joining' -Status "$($todo.Count - $waiting.Count) of $($todo.Count), $failed failed" -PercentComplete (100 * ($todo.Count - $waiting.Count) / $todo.Count)
            $result | Select-Object -Property Name, Status, ErrorId, Message, Did, Fingerprint
        }

        if ($waiting.Count -gt 0) { Start-Sleep -Milliseconds 200 }
    }
}
finally {
    $jobs | Where-Object { $_ } | Remove-Job -Force
    Remove-WireInvite $invite.Id @here
    $null = Invoke-WireTick @here -ErrorAction Continue 2>$null
    Write-Progress -Activity 'Joining' -Completed
}

exit [math]::Min($failed, 100)
