BeforeDiscovery {
    $root = (Resolve-Path -Path (Join-Path $PSScriptRoot '../..')).Path
    $analyzer = Get-Module -ListAvailable -Name PSScriptAnalyzer
    $scripts = Get-ChildItem -Path $root -Recurse -File -Include '*.ps1', '*.psm1', '*.psd1' |
        Where-Object FullName -NotMatch '[\\/](bin|obj|out)[\\/]' |
        ForEach-Object {
            # The manifest names files that stand beside it only where the module has been put together.
            $path = $_.Name -eq 'WirePS.psd1' ? $env:WIREPS_MODULE : $_.FullName
            if ($path) {
                @{ Name = [IO.Path]::GetRelativePath($root, $_.FullName); Path = $path }
            }
        }
}

Describe 'PSScriptAnalyzer' -Skip:(-not $analyzer) {
    It 'finds nothing in <Name>' -ForEach $scripts {
        # Pester's blocks hand variables to one another; the rule sees each block alone.
        $rules = @{ Severity = 'Error', 'Warning' }
        if ($Name -like '*.Tests.ps1') {
            $rules.ExcludeRule = 'PSUseDeclaredVarsMoreThanAssignments'
        }

        Invoke-ScriptAnalyzer -Path $Path @rules |
            ForEach-Object { '{0}:{1} {2}: {3}' -f $Name, $_.Line, $_.RuleName, $_.Message } |
            Should -BeNullOrEmpty
    }
}
