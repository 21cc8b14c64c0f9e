# What the suites share: the module under test, homes that are cleaned up, fresh processes, and a pairing's steps.

Set-StrictMode -Version 3

$script:Manifest = $env:WIREPS_MODULE ? $env:WIREPS_MODULE : (Join-Path $PSScriptRoot '../../out/module/WirePS/WirePS.psd1')
if (Test-Path -Path $script:Manifest -PathType Container) {
    $script:Manifest = Join-Path $script:Manifest 'WirePS.psd1'
}

$script:Manifest = (Resolve-Path -Path $script:Manifest).Path
$env:WIRE_NO_TOASTS = '1'
$env:WIRE_RELAY = $null
Import-Module -Name $script:Manifest -Force -Global

# Generous: it only keeps a broken test from hanging.
$script:Patience = 60

function Get-TestedManifest {
    $script:Manifest
}

function Get-TestHome {
    # A folder below Pester's drive, as the path that other processes know.
    param([Parameter(Mandatory)] [string] $Name)

    Join-Path (Get-PSDrive -Name TestDrive).Root $Name
}

function Close-TestHome {
    # Stops what still runs for homes, so that the drive can be removed.
    param([string[]] $WireHome)

    foreach ($each in $WireHome) {
        Stop-WireDaemon -WireHome $each -ErrorAction Ignore
        Stop-WireRelay -WireHome $each -ErrorAction Ignore
    }
}

function Open-TestRelay {
    # The address of a relay on a free port.
    param([Parameter(Mandatory)] [string] $WireHome)

    # A suite is one source that does in a minute what a person does in a week.
    foreach ($limit in 'ALLOCATIONS', 'RENDEZVOUS', 'CLAIMS', 'INTROS', 'INVITES', 'LOOKUPS') {
        Set-Item "env:WIREPS_RELAY_${limit}_PER_MINUTE" 100000
    }

    (Start-WireRelay -Port 0 -WireHome $WireHome).Url
}

function Get-TestProtocol {
    # The protocols that the relay serves, as -Protocol takes them.
    param([Parameter(Mandatory)] [string] $Relay)

    (Test-WireRelay $Relay).Protocols.ToUpperInvariant()
}

function Invoke-TestProcess {
    # Runs a script in a fresh pwsh with this module, without a person; what it wrote, and how it ended.
    param(
        [Parameter(Mandatory)] [string] $Script,
        [int] $Timeout = $script:Patience
    )

    $start = [System.Diagnostics.ProcessStartInfo]::new((Get-Process -Id $PID).Path)
    foreach ($argument in '-NoProfile', '-Command', "`$PSStyle.OutputRendering = 'PlainText'; Import-Module '$script:Manifest'; $Script") {
        $start.ArgumentList.Add($argument)
    }

    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $output = $process.StandardOutput.ReadToEndAsync()
    $errors = $process.StandardError.ReadToEndAsync()
    $ended = $process.WaitForExit($Timeout * 1000)
    if (-not $ended) {
        $process.Kill($true)
    }

    [pscustomobject]@{ Ended = $ended; ExitCode = $process.ExitCode; Output = $output.Result; Errors = $errors.Result }
}

function Wait-Until {
    # True as soon as the condition is; false when the patience is over.
    param([Parameter(Mandatory)] [scriptblock] $Condition, [int] $Timeout = $script:Patience)

    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while ($clock.Elapsed.TotalSeconds -lt $Timeout) {
        if (& $Condition) {
            return $true
        }

        Start-Sleep -Milliseconds 50
    }

    $false
}

function Connect-TestPair {
    # A detached pairing of two homes up to its digits: the objects of both sides.
    param(
        [Parameter(Mandatory)] [string] $HostHome,
        [Parameter(Mandatory)] [string] $GuestHome,
        [string] $Protocol = 'V2'
    )

    $made = New-WirePair -Detach -Protocol $Protocol -WireHome $HostHome -WarningAction Ignore
    $joined = New-WirePair -Code $made.Code -Detach -WireHome $GuestHome -WarningAction Ignore
    $made, $joined | Wait-WirePair -For SasReady -Timeout $script:Patience | Sort-Object { $_.WireHome -ne $HostHome }
}

function Complete-TestPair {
    # Both confirm with what the other side reads out, and both get there.
    param([Parameter(Mandatory)] [object[]] $Pair)

    $Pair[0] | Confirm-WirePair -Digits $Pair[1].Sas -WarningAction Ignore
    $Pair[1] | Confirm-WirePair -Digits $Pair[0].Sas -WarningAction Ignore
    $Pair | Wait-WirePair -For Paired -Timeout $script:Patience
}

function Get-ErrorOf {
    # The error records of a script, terminating or not, without what it writes.
    param([Parameter(Mandatory)] [scriptblock] $Script)

    try {
        & $Script 2>&1 3>$null 6>$null | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }
    }
    catch {
        $_
    }
}

function Get-Snapshot {
    # Everything in a folder with its content, to see that nothing has changed.
    param([Parameter(Mandatory)] [string] $Path)

    if (Test-Path -Path $Path) {
        Get-ChildItem -Path $Path -Recurse -File -Force | Where-Object Name -NotLike '*.lock' | Sort-Object FullName |
            ForEach-Object { '{0} {1}' -f $_.FullName, (Get-FileHash -LiteralPath $_.FullName).Hash }
    }
}

function Open-TestSession {
    # A PowerShell with this module; with a person in front of it where that is asked for.
    param([switch] $Person)

    $played = $null
    $state = [initialsessionstate]::CreateDefault()
    $state.ImportPSModule($script:Manifest)
    if ($Person) {
        if (-not ('PlayedHost' -as [type])) {
            Add-Type -Path (Join-Path $PSScriptRoot 'PlayedHost.cs') -IgnoreWarnings
        }

        $played = New-Object -TypeName PlayedHost
        $runspace = [runspacefactory]::CreateRunspace($played, $state)
    }
    else {
        $runspace = [runspacefactory]::CreateRunspace($state)
    }

    $runspace.Open()
    $shell = [powershell]::Create($runspace)
    [pscustomobject]@{ Shell = $shell; Person = $played; Output = [System.Management.Automation.PSDataCollection[psobject]]::new(); Run = $null }
}

function Invoke-TestSession {
    # Begins a script in the session, and returns at once.
    param([Parameter(Mandatory)] $Session, [Parameter(Mandatory)] [string] $Script)

    $null = $Session.Shell.AddScript($Script)
    $Session.Run = $Session.Shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]::new(), $Session.Output)
}

function Wait-TestSession {
    # True when the script has ended.
    param([Parameter(Mandatory)] $Session, [int] $Timeout = $script:Patience)

    $Session.Run.AsyncWaitHandle.WaitOne($Timeout * 1000)
}

function Close-TestSession {
    param($Session)

    if ($Session) {
        $runspace = $Session.Shell.Runspace
        $Session.Shell.Dispose()
        $runspace.Dispose()
    }
}

Export-ModuleMember -Function *
