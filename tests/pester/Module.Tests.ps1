BeforeDiscovery {
    Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
    $cmdlets = Get-Command -Module WirePS | ForEach-Object { @{ Name = $_.Name } }
    $examples = Get-Command -Module WirePS | ForEach-Object {
        foreach ($example in (Get-Help $_.Name -Full).examples.example) { @{ Name = $_.Name; Title = $example.title; Code = $example.code } }
    }
}

Describe 'The module' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $manifest = Get-TestedManifest
    }

    It 'has a manifest that holds' {
        $found = Test-ModuleManifest -Path $manifest -ErrorAction Stop
        $found.Name | Should -Be 'WirePS'
        $found.PowerShellVersion | Should -Be '7.6'
        $found.CompatiblePSEditions | Should -Be 'Core'
        $found.ExportedFunctions.Count | Should -Be 0
        $found.ExportedAliases.Count | Should -Be 0
    }

    It 'exports what the manifest promises' {
        (Get-Command -Module WirePS).Name | Sort-Object | Should -Be ((Import-PowerShellDataFile -Path $manifest).CmdletsToExport)
    }

    It 'brings no library of PowerShell or of the relay into the session' {
        Get-ChildItem -Path (Split-Path $manifest) -Filter *.dll | ForEach-Object Name | Sort-Object | Should -Be 'QRCoder.dll', 'WirePS.Core.dll', 'WirePS.Module.dll'
    }

    It 'touches nothing when it is imported' {
        $folder = Get-TestHome 'untouched'
        $run = Invoke-TestProcess "`$null" -Timeout 60
        $run.Errors | Should -BeNullOrEmpty
        $run = Invoke-TestProcess "`$env:WIRE_HOME = '$folder'; `$WarningPreference = 'Ignore'; Import-Module '$manifest' -Force; Get-WirePendingPair; Get-WirePeer; Get-WireJournal; (Get-WireDaemon).Running"
        $run.Errors | Should -BeNullOrEmpty
        $run.Output.Trim() | Should -Be 'False'
        $folder | Should -Not -Exist
    }

    It 'uses approved verbs' {
        $approved = (Get-Verb).Verb
        (Get-Command -Module WirePS).Verb | Sort-Object -Unique | Should -BeIn $approved
    }

    It 'makes help, Markdown and the page of errors from the same source' {
        $tool = Join-Path $PSScriptRoot '../../tools/Build-Help.ps1'
        $run = Invoke-TestProcess "& '$tool' -Module '$(Split-Path $manifest)' -Check"
        $run.Errors | Should -BeNullOrEmpty
        $run.ExitCode | Should -Be 0
    }
}

Describe 'Help for <Name>' -ForEach $cmdlets {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $help = Get-Help -Name $Name -Full
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters
    }

    It 'says what it does' {
        $help.Synopsis | Should -Not -BeLike "*$Name*"
        $help.Synopsis.Length | Should -BeGreaterThan 10
        ($help.description | Out-String).Trim().Length | Should -BeGreaterThan 40
    }

    It 'describes every parameter' {
        $expected = (Get-Command $Name).Parameters.Keys | Where-Object { $_ -notin $common } | Sort-Object
        $help.parameters.parameter.name | Sort-Object | Should -Be $expected
        $help.parameters.parameter | ForEach-Object { ($_.description | Out-String).Trim() | Should -Not -BeNullOrEmpty }
    }

    It 'has examples' {
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
    }
}

Describe 'About topics' {
    It 'shows <_>' -ForEach 'about_WirePS', 'about_WirePS_Pairing', 'about_WirePS_Security', 'about_WirePS_Daemon', 'about_WirePS_Trust', 'about_WirePS_Devices', 'about_WirePS_Invites', 'about_WirePS_Messages' {
        Get-Help -Name $_ | Should -BeLike "*TOPIC*$_*LONG DESCRIPTION*"
    }
}

Describe 'The example of <Name>: <Title>' -ForEach $examples {
    It 'calls cmdlets and parameters that exist' {
        $errors = $null
        $tree = [System.Management.Automation.Language.Parser]::ParseInput($Code, [ref] $null, [ref] $errors)
        $errors | Should -BeNullOrEmpty
        foreach ($command in $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true)) {
            $found = Get-Command -Name $command.GetCommandName() -ErrorAction Stop
            if ($found.Source -ne 'WirePS') { continue }
            foreach ($parameter in $command.CommandElements | Where-Object { $_ -is [System.Management.Automation.Language.CommandParameterAst] }) {
                $found.Parameters.Keys | Should -Contain $parameter.ParameterName
            }
        }
    }
}
