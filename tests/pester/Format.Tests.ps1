# What a person must read is whole in a window of 80 columns: every object that cmdlets give out, with data of full length.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
    $types = (Get-Module WirePS).ImplementingAssembly.GetExportedTypes() |
        Where-Object { $_.Namespace -eq 'WirePS.Module.Output' -and $_.Name -ne 'WirePairFile' } |
        ForEach-Object { @{ Name = $_.Name; Type = $_ } }
}

Describe 'The view' {
    BeforeAll {
        Import-Module "$PSScriptRoot/WirePS.Testing.psm1" -Force
        $fingerprint = '0123 4567 89ab cdef 0123 4567 89ab cdef'
        $long = @{
            Id = '0123456789abcdef' * 4; Handle = 'build-server-of-the-west'; PeerHandle = 'build-server-of-the-west'; Peer = 'build-server-of-the-west'
            Label = 'the laptop of Zoe'; Name = 'a-trusted-agent-of-ours'; Did = 'did:wire:build-server-of-the-west-1a2b3c4d'
            Code = 'ABCD-EFGH-IJKL'; Sas = '123456'; Role = 'Guest'; Kind = 'request'; Status = 'RequestGuest'; Direction = 'Received'
            NextStep = 'Somebody else tried to take part: compare the digits with care, then Confirm-WirePair -Digits'
            Text = 'One line that is so long that it does not fit into what is left of the window'; Type = 'wire/deployment.job'
            Reason = 'CommitmentMismatch'; Justification = 'We share the build, and the other one'; State = 'Reserved'; ApprovedBy = 'policy:auto_approve'; KeySource = 'directory'; Verdict = 'SignatureRejected'
            From = 'RequestHost'; To = 'AbortedRestart'; PeerKey = 'Different'; Relay = 'https://relay.example.org'; Outcome = 'Conflict'
            Tier = 'OrgVerified'; Ceremony = 'handshake'; Uses = 10000; UsesLeft = 9999; Seq = 123456
            Url = "wire://pair?v=1&inv=$('0123456789' * 40)"
        }
        $of = @{
            WirePendingPair = @{ Status = 'RequestGuest' }; WireMessage = @{ Status = 'Delivered' }; WireTrustRequest = @{ Status = 'Rejected' }
            WireInvite = @{ Status = 'Revoked'; Id = '0123456789abcdef' * 2 }; WireTransition = @{ Id = '0123456789abcdef' * 2 }; WireJournalEntry = @{ Id = '0123456789abcdef' * 2; Kind = 'mailbox' }
        }

        # An object of a type with every property set, as no cmdlet gives it out and any may.
        function Get-Value([System.Reflection.PropertyInfo] $Property) {
            $name = $Property.Name
            $kind = [Nullable]::GetUnderlyingType($Property.PropertyType) ?? $Property.PropertyType
            $own = $of[$Property.DeclaringType.Name]
            if ($kind -eq [string]) {
                if ($own -and $own[$name]) { return $own[$name] }
                if ($name -like '*Fingerprint') { return $fingerprint }
                if ($name -like '*Did' -or $name -eq 'Principal') { return $long.Did }
                return $long[$name] ?? 'a value'
            }

            if ($kind -eq [datetime]) {
                if ($name -like 'Revoked*' -or $name -eq 'EndedAt') { return }
                return $name -eq 'ExpiresAt' ? [datetime]::Now.AddHours(23) : [datetime] '2026-11-22 13:14:15'
            }

            if ($kind -eq [string[]]) { return , [string[]] ('add', 'send', 'receive') }
            if ($kind -eq [bool]) { return $true }
            if ($kind -eq [timespan]) { return [timespan]::FromMinutes(1) }
            if ($kind -eq [object]) { return 'a value' }
            ($long[$name] -is [int] ? $long[$name] : 1) -as $kind
        }

        function Get-Shown([type] $Type) {
            $made = [System.Runtime.CompilerServices.RuntimeHelpers]::GetUninitializedObject($Type)
            foreach ($property in $Type.GetProperties() | Where-Object CanWrite) {
                $value = Get-Value $property
                if ($null -ne $value) {
                    $property.SetValue($made, $value.psobject.BaseObject)
                }
            }

            $made
        }
    }

    It 'of <Name> cuts nothing off at 80 columns' -ForEach $types {
        $made = Get-Shown $Type
        $shown = $made | Out-String -Width 80
        $lines = $shown -split '\r?\n'
        $shown | Should -Not -BeLike "*$([char] 0x2026)*"
        ($lines | Measure-Object -Property Length -Maximum).Maximum | Should -BeLessOrEqual 80
        $lines.Count | Should -BeGreaterThan 3
        $whole = switch ($Name) {
            'WirePendingPair' { $made.Code, '123-456', $made.Status, '23 h' }
            'WireInvite' { $made.Id, $made.Status, '1/10000', $made.ExpiresAt.ToString('MM-dd HH:mm') }
            'WirePeer' { $made.Fingerprint, '2026-11-22', $made.Ceremony }
            'WireDevice' { $made.Fingerprint, '2026-11-22' }
            'WirePairToken' { $made.Id.Substring(0, 12), $made.State, 'add, send, receive', $made.ExpiresAt.ToString('HH:mm:ss') }
            'WireMessage' { $made.Direction, $made.Status }
            'WireTransition' { $made.Id }
            'WireJournalEntry' { $made.Id, $made.Reason }
            'WireTrust' { $made.State, '2026-11-22', $fingerprint.Remove(19) }
            'WireTrustRequest' { $made.Id.Substring(0, 12), $made.Status, $made.PeerKey, $fingerprint.Remove(19) }
            { $_ -in 'WireFoundPeer', 'WireTrustedAgent', 'WireTrustPreview', 'WireImportedTrust' } { $made.Fingerprint }
        }
        foreach ($each in $whole) { $shown | Should -BeLike "*$each*" }
    }

    It 'breaks what a person is to do next between words' {
        $made = Get-Shown ([type] 'WirePS.Module.Output.WirePendingPair')
        $next = $made | Out-String -Width 80 | ForEach-Object { $_ -split '\r?\n' } | Where-Object Length -GT 56 | ForEach-Object { $_.Substring(56) } | Select-Object -Skip 2
        $next -join ' ' -replace '\s+', ' ' | Should -BeLike "*$($made.NextStep)*"
    }
}
